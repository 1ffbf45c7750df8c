using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Mathematics;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace SpmdDbrx.Bench;

/// <summary>A column computed from a case's median, its work and its ceiling.</summary>
internal abstract class CaseColumn(string name, string legend) : IColumn
{
    public string Id => name;

    public string ColumnName => name;

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public string Legend => legend;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        string key = KernelBenchmark.CaseName(
            benchmarkCase.Descriptor.Type.Name,
            benchmarkCase.Parameters[nameof(KernelBenchmark.Shape)].ToString()!,
            benchmarkCase.Parameters[nameof(KernelBenchmark.Threads)].ToString()!,
            benchmarkCase.Parameters[nameof(MemoryRead.Memory)]?.ToString() ?? "");
        Statistics? statistics = summary[benchmarkCase]?.ResultStatistics;
        if (statistics is null || !KernelBenchmark.Ceilings.TryGetValue(key, out double ceiling))
            return "";
        double perSecond = KernelBenchmark.Work[key] / (statistics.Median / 1e9);
        return Text(perSecond, ceiling);
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    protected abstract string Text(double perSecond, double ceiling);

    protected static string Giga(double perSecond) => (perSecond / 1e9).ToString("F1", CultureInfo.InvariantCulture);
}

/// <summary>GB/s or GFLOP/s of the kernel.</summary>
internal sealed class RateColumn() : CaseColumn("G/s", "10^9 bytes (decode) or floating-point operations (prefill) a second, by the median")
{
    protected override string Text(double perSecond, double ceiling) => Giga(perSecond);
}

/// <summary>GB/s or GFLOP/s of the machine.</summary>
internal sealed class CeilingColumn() : CaseColumn("Ceiling G/s", "read bandwidth (decode) or multiply-add peak (prefill) of the same threads, median of probes before each run")
{
    protected override string Text(double perSecond, double ceiling) => Giga(ceiling);
}

/// <summary>Kernel as a share of the machine.</summary>
internal sealed class ShareColumn() : CaseColumn("Share", "G/s by ceiling")
{
    protected override string Text(double perSecond, double ceiling) => (perSecond / ceiling).ToString("P0", CultureInfo.InvariantCulture);
}
