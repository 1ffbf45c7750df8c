using System.Diagnostics;
using System.Runtime.Intrinsics;
using SpmdDbrx.Compute;
using Xunit;

namespace SpmdDbrx.Tests.Compute.Cpu;

/// <summary>Kernels and goldens once more in processes that are denied instructions this processor has.</summary>
public class InstructionSetTests
{
    private const string ExpectedBits = "SPMD_TEST_EXPECTED_VECTOR_BITS";

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    /// <summary>What a re-run covers; not this class, or it would start itself.</summary>
    private const string Filter =
        "FullyQualifiedName~CpuKernelTests|FullyQualifiedName~CpuAttentionTests|FullyQualifiedName~PanelProductTests|FullyQualifiedName~VectorMathTests|FullyQualifiedName~WeightElementTests"
        + "|FullyQualifiedName~GoldenDecoderTests|FullyQualifiedName~LmHeadTests|FullyQualifiedName~Device_InADeniedProcess_UsesTheExpectedWidth";

    [SkippableFact]
    public void WithoutAvx512_KernelsAndGoldens_Pass()
    {
        Skip.IfNot(Vector512.IsHardwareAccelerated, "this processor has no 512-bit instructions to switch off");
        RerunWithout("DOTNET_EnableAVX512", expectedBits: 256);
    }

    [SkippableFact]
    public void WithoutAvx2_KernelsAndGoldens_Pass()
    {
        Skip.IfNot(Vector256.IsHardwareAccelerated, "this processor has no 256-bit instructions to switch off");
        RerunWithout("DOTNET_EnableAVX2", expectedBits: 128);
    }

    [SkippableFact]
    public void Device_InADeniedProcess_UsesTheExpectedWidth()
    {
        string? expected = Environment.GetEnvironmentVariable(ExpectedBits);
        Skip.If(expected is null, "only in the processes that this class starts");
        Assert.Equal(expected, CpuDevice.WidestVectorBits.ToString());
    }

    private static void RerunWithout(string variable, int expectedBits)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("vstest");
        start.ArgumentList.Add(typeof(InstructionSetTests).Assembly.Location);
        start.ArgumentList.Add($"--TestCaseFilter:{Filter}");
        start.Environment[variable] = "0";
        start.Environment[ExpectedBits] = expectedBits.ToString();
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Deadline))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{variable}=0: still running after {Deadline.TotalMinutes} minutes: {output.Result}{error.Result}");
        }
        Assert.True(process.ExitCode == 0, $"{variable}=0: {output.Result}{error.Result}");
        Assert.Matches(@"Passed: +\d{2,}, Skipped: +0,", output.Result);
    }
}
