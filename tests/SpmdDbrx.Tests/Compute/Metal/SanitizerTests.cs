using Xunit;

namespace SpmdDbrx.Tests.Compute.Metal;

/// <summary>Every dispatch the host makes, run again in three lane orders, under ThreadSanitizer and under AddressSanitizer.</summary>
[Collection(MetalCollection.Name)]
public sealed class SanitizerTests(CapturedWork work) : IClassFixture<CapturedWork>
{
    [SkippableFact]
    public void Capture_OfSmallWork_HoldsEveryKernel()
    {
        (int exitCode, string kernels, _) = NativeTool.Run("replay", "--kernels");
        Assert.Equal(0, exitCode);
        (_, string captured, _) = NativeTool.Run("replay", work.RequirePath());
        Assert.Equal(Lines(kernels), Lines(captured));
    }

    [SkippableTheory]
    [InlineData("replay")]
    [InlineData("replay_tsan")]
    [InlineData("replay_asan")]
    public void Kernels_ReplayedInThreeLaneOrders_GiveTheSameBits(string tool)
    {
        (int exitCode, _, string errors) = NativeTool.Run(tool, work.RequirePath());
        Assert.True(exitCode == 0, errors);
        Assert.Contains("in three lane orders", errors);
    }

    [SkippableTheory]
    [InlineData("replay_tsan", "planted_missing_barrier", "data race")]
    [InlineData("replay_tsan", "planted_shared_output", "data race")]
    [InlineData("replay_asan", "planted_write_past_end", "heap-buffer-overflow")]
    [InlineData("replay_asan", "planted_read_past_threadgroup", "heap-buffer-overflow")]
    [InlineData("replay_asan", "planted_misaligned_vector", "misaligned address")]
    [InlineData("replay_asan", "planted_divergent_barrier", "divergent barrier")]
    [InlineData("replay_asan", "planted_divergent_lanes", "divergent lanes")]
    [InlineData("replay_asan", "planted_unbound_buffer", "nothing is bound to buffer 2")]
    public void PlantedBug_UnderItsDetector_IsReported(string tool, string kernel, string expected)
    {
        (int exitCode, _, string errors) = NativeTool.Run(tool, "--planted", kernel);
        Assert.NotEqual(0, exitCode);
        Assert.Contains(expected, errors);
    }

    [SkippableFact]
    public void FakeDevice_PlantedHostMistakes_AreRefused()
    {
        (int exitCode, string output, string errors) = NativeTool.Run("fake_checks");
        Assert.True(exitCode == 0, output + errors);
    }

    private static string[] Lines(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];
}
