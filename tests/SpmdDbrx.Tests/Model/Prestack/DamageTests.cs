using SpmdDbrx.Compute;
using SpmdDbrx.Model;
using SpmdDbrx.Model.Prestack;
using Xunit;

namespace SpmdDbrx.Tests.Model.Prestack;

/// <summary>Flipped bytes and cut files: none may go unnoticed, each is named with file and offset.</summary>
public sealed class DamageTests : IClassFixture<PrestackedFixture>, IDisposable
{
    private const int Page = 16384;

    private readonly TemporaryDirectory folder = new();
    private readonly string model;

    public DamageTests(PrestackedFixture fixture) => model = SmallCheckpoint.Copy(fixture.Prestacked, folder["m"]);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Verify_NothingWrong_FindsNothing() => Assert.Empty(Verifier.Run(model, presentOnly: false, threads: 2));

    [Fact]
    public void FlippedByte_InAnySection_IsNamedByVerifyAndByTheLoader()
    {
        PrestackedModel opened = PrestackedModel.Open(model);
        int sections = 0;
        foreach (WeightFile file in opened.WeightFiles)
        {
            // Every section of this model takes one page, but the embedding and the head are small too: each page is a section's data or padding.
            for (long page = 0; page < file.Bytes; page += Page, sections++)
            {
                foreach (int position in new[] { 0, 7, Page / 2, Page - 1 })
                    AssertNoticed(opened, file.Name, page, position);
            }
        }
        Assert.Equal(3 + (5 * 3) + (5 * 3), sections);
    }

    [Fact]
    public void TwoDamagedSections_AreBothNamed()
    {
        Flip("shared.bin", Page);
        Flip("experts/expert-03.bin", (2 * Page) + 5);

        IReadOnlyList<Damage> found = Verifier.Run(model, presentOnly: false, threads: 2);

        Assert.Equal(2, found.Count);
        Assert.Contains("expert-03.bin: offset 32768: section layers.2.experts.3 of 16384 bytes: expected XXH3-64 ", found[0].ToString(), StringComparison.Ordinal);
        Assert.Contains("shared.bin: offset 16384: section layers.0.attention_norm of 16384 bytes: expected XXH3-64 ", found[1].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("extra.tiktoken")]
    public void FlippedByte_InASmallFile_IsNamed(string file)
    {
        Flip(file, 3);

        Refusal.Of(() => ModelDirectory.Open(model), file, "offset 0", "expected XXH3-128");
        Assert.Equal(file, Path.GetFileName(Assert.Single(Verifier.Run(model, false, 1)).File));
    }

    [Fact]
    public void FlippedByte_AnywhereInTheManifest_IsRefused()
    {
        long length = new FileInfo(Path.Combine(model, "manifest.json")).Length;
        for (long position = 0; position < length; position++)
        {
            Flip("manifest.json", position);
            Refusal.Of(() => ModelDirectory.Open(model), "manifest.json", "bytes 0 to");
            Flip("manifest.json", position);
        }
        ModelDirectory.Open(model);
    }

    [Fact]
    public void TruncatedManifest_AtAnyLength_IsRefused()
    {
        using FileStream manifest = new(Path.Combine(model, "manifest.json"), FileMode.Open, FileAccess.Write, FileShare.Read);
        while (manifest.Length > 0)
        {
            manifest.SetLength(manifest.Length - 1);
            Refusal.Of(() => ModelDirectory.Open(model), "manifest.json");
        }
    }

    [Theory]
    [InlineData("shared.bin")]
    [InlineData("experts/expert-00.bin")]
    [InlineData("experts/expert-04.bin")]
    [InlineData("tokenizer.json")]
    public void WrongLength_NamesFileAndOffset(string file)
    {
        string path = Path.Combine(model, file);
        byte[] bytes = File.ReadAllBytes(path);
        foreach (int length in new[] { 0, 1, bytes.Length / 2, bytes.Length - 1, bytes.Length + 1 })
        {
            byte[] changed = [.. bytes.Take(length), .. new byte[Math.Max(0, length - bytes.Length)]];
            File.WriteAllBytes(path, changed);

            string offset = $"offset {Math.Min(length, bytes.Length)}: length";
            Refusal.Of(() => ModelDirectory.Open(model), path, offset, $"expected {bytes.Length} bytes", $"found {length} bytes");
            Assert.Contains(Verifier.Run(model, false, 1), damage => damage.File == path && damage.ToString().Contains(offset, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void MissingExpertFile_IsAllowedWhereOthersHostIt()
    {
        File.Delete(Path.Combine(model, "experts/expert-02.bin"));

        ModelDirectory opened = ModelDirectory.Open(model);

        Refusal.Of(() => opened.Map("experts/expert-02.bin"), "expert-02.bin", "no such file");
        opened.Map("experts/expert-01.bin").Dispose();
        Assert.Empty(Verifier.Run(model, presentOnly: true, threads: 1));
        Assert.Contains("no such file", Assert.Single(Verifier.Run(model, presentOnly: false, threads: 1)).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("shared.bin")]
    [InlineData("tokenizer.json")]
    public void MissingSharedFile_IsRefused(string file)
    {
        File.Delete(Path.Combine(model, file));

        Refusal.Of(() => ModelDirectory.Open(model), file, "no such file");
        Assert.Single(Verifier.Run(model, presentOnly: true, threads: 1));
    }

    [Fact]
    public void MissingManifest_IsSaidToBeAnUnfinishedRun()
    {
        File.Delete(Path.Combine(model, "manifest.json"));

        Refusal.Of(() => ModelDirectory.Open(model), "manifest.json", "did not finish");
    }

    [Fact]
    public void Verify_Checkpoint_SaysThatItHasNoHashes() =>
        Refusal.Of(() => Verifier.Run(RepositoryPaths.TinyModel, false, 1), "manifest.json", "run prestack");

    private void AssertNoticed(PrestackedModel opened, string file, long page, int position)
    {
        Flip(file, page + position);
        Damage damage = Assert.Single(Verifier.Run(model, presentOnly: false, threads: 1));
        Assert.Equal((Path.Combine(model, file), page), (damage.File, damage.Offset));
        using (MappedFile mapped = opened.Map(file))
            Refusal.Of(() => opened.Verify([mapped], 2), file, $"offset {page}: section", "expected XXH3-64");
        Flip(file, page + position);
    }

    private void Flip(string file, long position)
    {
        using FileStream stream = new(Path.Combine(model, file), FileMode.Open, FileAccess.ReadWrite);
        stream.Position = position;
        int value = stream.ReadByte();
        stream.Position = position;
        stream.WriteByte((byte)(value ^ 0x10));
    }
}
