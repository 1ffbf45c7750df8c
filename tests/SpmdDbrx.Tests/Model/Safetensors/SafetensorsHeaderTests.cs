using System.Buffers.Binary;
using System.Text;
using SpmdDbrx.Model;
using Xunit;

namespace SpmdDbrx.Tests.Model.Safetensors;

/// <summary>Every way in which a header has been used to attack a reader, or could be.</summary>
public sealed class SafetensorsHeaderTests : IDisposable
{
    private const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";

    private readonly TemporaryDirectory folder = new();
    private readonly string path;

    public SafetensorsHeaderTests()
    {
        path = folder["model.safetensors"];
        File.Copy(Path.Combine(RepositoryPaths.TinyModel, "config.json"), folder["config.json"]);
    }

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    public void Open_FileShorterThanItsLength_IsRefused(int bytes)
    {
        File.WriteAllBytes(path, new byte[bytes]);

        Refused("at least 8 bytes", $"{bytes} bytes");
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(9UL)]
    [InlineData(1UL << 31)]
    [InlineData(1UL << 63)]
    [InlineData(ulong.MaxValue)]
    [InlineData(ulong.MaxValue - 7)]
    public void Open_SenselessHeaderLength_IsRefused(ulong length)
    {
        byte[] file = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        File.WriteAllBytes(path, file);

        Refused("header length", length.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void Open_HeaderBeyondTheCap_IsRefusedUnread()
    {
        using (FileStream stream = File.Create(path))
        {
            stream.Write(BitConverter.GetBytes(100_000_001L));
            stream.SetLength(200_000_000);
        }

        Refused("header length", "1 to 100000000", "100000001");
    }

    [Theory]
    [InlineData("[]", "StartObject")]
    [InlineData("null", "StartObject")]
    [InlineData("{", "not valid JSON")]
    [InlineData("{} {}", "not valid JSON")]
    [InlineData("{\"a\":1}", "StartObject")]
    [InlineData("{\"a\":[]}", "StartObject")]
    [InlineData("{\"__metadata__\":{\"a\":1}}", "__metadata__")]
    [InlineData("{\"__metadata__\":{\"a\":{}}}", "__metadata__")]
    [InlineData("{" + A + "," + A + "}", "found twice")]
    [InlineData("{\"\\ud800\":{}}", "not valid JSON")]
    public void Open_HeaderOfTheWrongKind_IsRefused(string header, string fragment)
    {
        SafetensorsSurgery.Write(path, header, new byte[8]);

        Refused(fragment);
    }

    [Theory]
    [InlineData("{}", "found less")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2]}", "found less")]
    [InlineData("{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}", "found twice")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}", "found twice")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}", "'x'")]
    [InlineData("{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}", "I64")]
    [InlineData("{\"dtype\":\"F8_E4M3\",\"shape\":[8],\"data_offsets\":[0,8]}", "F8_E4M3")]
    [InlineData("{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,8]}", "dtype")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}", "shape: expected an array")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[[2]],\"data_offsets\":[0,8]}", "not valid JSON")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[\"2\"],\"data_offsets\":[0,8]}", "shape: expected whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}", "shape: expected whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}", "shape: expected whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", "positive sizes")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,2],\"data_offsets\":[0,8]}", "at most 8")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}", "2^63")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[4194305,4194305,211106198978564],\"data_offsets\":[0,16]}", "2^63")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,8]}", "2^63")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,8]}", "whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[1000,1000],\"data_offsets\":[0,8]}", "4000000 bytes")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}", "8 bytes for F32 [2]")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}", "8 to 0")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[-8,0]}", "data_offsets: expected whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}", "found less")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,8]}", "at most 2")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,1e400]}", "data_offsets: expected whole numbers")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[9223372036854775799,9223372036854775807]}", "inside the file")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}", "hole")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", "too long")]
    [InlineData("{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}", "truncated")]
    public void Open_BadTensor_IsRefused(string tensor, string fragment)
    {
        SafetensorsSurgery.Write(path, $"{{\"a\":{tensor}}}", new byte[8]);

        Refused(fragment);
    }

    [Fact]
    public void Open_OverlappingTensors_AreRefused()
    {
        SafetensorsSurgery.Write(path, "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", new byte[12]);

        Refused("tensor 'b'", "overlaps");
    }

    [Fact]
    public void Open_EmptyTensorOnAnothersOffset_IsRefused()
    {
        SafetensorsSurgery.Write(path, "{\"z\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[0,0]}," + A + "}", new byte[8]);

        Refused("tensor 'z'", "positive sizes");
    }

    [Fact]
    public void Open_NestingOfAMillion_IsRefused()
    {
        SafetensorsSurgery.Write(path, "{\"a\":" + new string('[', 1_000_000), []);

        Refused();
    }

    [Fact]
    public void Open_TensorWithAMillionDimensions_IsRefusedAtTheNinth()
    {
        SafetensorsSurgery.Write(path, "{\"a\":{\"shape\":[" + string.Join(',', Enumerable.Repeat("1", 1_000_000)) + "]}}", []);

        Refused("at most 8");
    }

    [Fact]
    public void Open_HeaderOfNothingButTensors_IsRefusedAtTheLimit()
    {
        SafetensorsSurgery.Write(path, "{" + string.Join(',', Enumerable.Range(0, 262_145).Select(index => $"\"{index}\":{{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[{2 * index},{(2 * index) + 2}]}}")) + "}", []);

        Refused("at most 262144 tensors");
    }

    [Fact]
    public void Open_NameOfInvalidUtf8_IsRefused()
    {
        SafetensorsSurgery.Write(path, [.. "{\""u8, 0xC3, 0x28, .. Encoding.ASCII.GetBytes("\":{}}")], []);

        Refused("not valid JSON");
    }

    [Fact]
    public void Open_NameOfControlCharactersAndTenThousandLetters_IsShownInOneShortLine()
    {
        SafetensorsSurgery.Write(path, $"{{\"\\u001b[2J\\n{new string('x', 10_000)}\":1}}", []);

        InvalidModelException error = Assert.Throws<InvalidModelException>(() => ModelDirectory.Open(folder.Root));
        Assert.DoesNotContain('\u001b', error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.True(error.Message.Length < 500);
    }

    private void Refused(params string[] fragments) => Refusal.Of(() => ModelDirectory.Open(folder.Root), [path, .. fragments]);
}
