using System.Text.Json.Nodes;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Inspection;
using SpmdDbrx.Model.Prestack;
using Xunit;

namespace SpmdDbrx.Tests.Model.Inspection;

public sealed class InventoryTests
{
    [Fact]
    public void Of_TinyModel_CountsWhatItsNoteSays()
    {
        Inventory inventory = Inventory.Of(ModelDirectory.Open(RepositoryPaths.TinyModel));

        Assert.Equal(5_448_832, inventory.Parameters);
        Assert.Equal(10_897_664, inventory.Bytes.Total);
        Assert.Equal(5_448_832 - (4L * 12 * 3 * 192 * 128), inventory.ActiveParameters);
        Assert.Equal(2048L * 128 * 2, inventory.Bytes.Embedding);
        Assert.Equal(4L * 16 * 3 * 192 * 128 * 2, inventory.Bytes.Experts);
        Assert.Equal(["BF16"], inventory.WeightTypes);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 16], inventory.Memory.Select(memory => memory.Ranks));
        Assert.Equal([16, 8, 6, 4, 4, 3, 3, 2, 1], inventory.Memory.Select(memory => memory.Experts));
        Assert.Equal(inventory.Bytes.Total, inventory.Memory[0].Bytes);
        Assert.Equal(inventory.Bytes.Shared + (inventory.Bytes.Experts / 16), inventory.Memory[^1].Bytes);
    }

    [Fact]
    public void Of_PrestackedWithoutSomeExperts_SaysWhichAreMissing()
    {
        using TemporaryDirectory folder = new();
        Prestacker.Run(RepositoryPaths.TinyModel, folder["out"], new PrestackOptions());
        File.Delete(folder["out/experts/expert-09.bin"]);

        Inventory inventory = Inventory.Of(ModelDirectory.Open(folder["out"]));

        Assert.Equal(("prestacked", 17), (inventory.Kind, inventory.Files.Count));
        Assert.Equal(["experts/expert-09.bin"], inventory.MissingFiles);
        Assert.Equal(10_897_664, inventory.Bytes.Total);
    }

    [Fact]
    public void ToJson_TinyModel_HasTheFields()
    {
        JsonNode json = JsonNode.Parse(Inventory.Of(ModelDirectory.Open(RepositoryPaths.TinyModel)).ToJson())!;

        Assert.Equal("dbrx", (string?)json["config"]!["architecture"]);
        Assert.Equal(5_448_832, (long)json["parameters"]!);
        Assert.Equal(3, json["files"]!.AsArray().Count);
        Assert.Equal(10_897_664, (long)json["memory"]![0]!["bytes"]!);
    }

    [Fact]
    public void Write_TinyModel_ShowsTheFigures()
    {
        StringWriter text = new();
        InventoryText.Write(Inventory.Of(ModelDirectory.Open(RepositoryPaths.TinyModel)), text);

        Assert.Contains("5,448,832, of which a token uses 1,909,888", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("16 a layer, 4 chosen, hidden dim 192", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(1000, "1 kB")]
    [InlineData(999_949, "999.9 kB")]
    [InlineData(999_999, "1 MB")]
    [InlineData(264_100_000_000, "264.1 GB")]
    [InlineData(long.MaxValue, "9.2 EB")]
    public void Size_Bytes_TakesTheUnitThatFits(long bytes, string expected) => Assert.Equal(expected, InventoryText.Size(bytes));
}
