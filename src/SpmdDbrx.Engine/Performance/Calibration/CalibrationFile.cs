using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using SpmdDbrx.Engine.Performance.Inputs;

namespace SpmdDbrx.Engine.Performance.Calibration;

/// <summary>Writes a calibration as a file that <see cref="Catalogue"/> reads: sections "hardware", "network" (with more than one rank) and "software".</summary>
public static class CalibrationFile
{
    private static readonly JsonWriterOptions Options = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the file's text, UTF-8.</summary>
    public static void Write(Stream stream, ClusterCalibration calibration)
    {
        using Utf8JsonWriter json = new(stream, Options);
        Write(json, calibration);
    }

    /// <summary>Reads what <see cref="Write(Stream, ClusterCalibration)"/> wrote.</summary>
    /// <param name="file">Path.</param>
    /// <param name="ranksPerNode">Ranks of the fullest node.</param>
    /// <exception cref="InvalidInputException">It cannot be read or is damaged; names the field.</exception>
    public static ClusterCalibration Load(string file, int ranksPerNode)
    {
        JsonField top = JsonField.Read(file);
        top.AllowOnly("hardware", "network", "software");
        Network? network = top.Optional("network") is { } link ? Network.Read(link) : null;
        return new ClusterCalibration(Hardware.Read(top["hardware"]), network, Software.Read(top["software"]), ranksPerNode);
    }

    private static void Write(Utf8JsonWriter json, ClusterCalibration calibration)
    {
        json.WriteStartObject();
        Begin(json, "hardware", calibration.Hardware.Name, calibration.Hardware.Title);
        WriteFigure(json, "memory_gib", calibration.Hardware.MemoryBytes, 1 / Hardware.GibiByte);
        WriteFigure(json, "usable_memory_gib", calibration.Hardware.UsableMemoryBytes, 1 / Hardware.GibiByte);
        WriteFigure(json, "memory_bandwidth_gb_per_s", calibration.Hardware.MemoryBytesPerSecond, 1e-9);
        if (calibration.Hardware.AloneBytesPerSecond is { } alone)
            WriteFigure(json, "bandwidth_alone_gb_per_s", alone, 1e-9);
        WriteFigure(json, "peak_tflop_per_s", calibration.Hardware.FlopPerSecond, 1e-12);
        json.WriteEndObject();
        if (calibration.Network is { } network)
        {
            Begin(json, "network", network.Name, network.Title);
            WriteFigure(json, "latency_us", network.LatencySeconds, 1e6);
            WriteFigure(json, "bandwidth_gbit_per_s", network.BytesPerSecond, 8e-9);
            json.WriteEndObject();
        }
        WriteSoftware(json, calibration.Software);
        json.WriteEndObject();
    }

    private static void WriteSoftware(Utf8JsonWriter json, Software software)
    {
        Begin(json, "software", software.Name, software.Title);
        WriteFigure(json, "bandwidth_fraction", software.BandwidthFraction, 1);
        WriteFigure(json, "compute_fraction", software.ComputeFraction, 1);
        WriteFigure(json, "hand_over_us", software.HandOverSeconds, 1e6);
        WriteFigure(json, "latencies_per_request", software.LatenciesPerRequest, 1);
        WriteFigure(json, "message_us", software.MessageSeconds, 1e6);
        json.WriteString("prefill", software.BatchesPrefill ? "batched" : "token_by_token");
        json.WriteString("all_reduce", Software.NameOf(software.AllReduce));
        json.WriteString("exchanges", software.ExchangesExpertOutputs ? "expert_outputs" : "sum");
        WriteFigure(json, "bytes_per_value", software.BytesPerValue, 1);
        WriteFigure(json, "kv_bytes_per_value", software.KvBytesPerValue, 1);
        json.WriteEndObject();
    }

    private static void Begin(Utf8JsonWriter json, string section, string name, string title)
    {
        json.WriteStartObject(section);
        json.WriteString("name", name);
        json.WriteString("title", title);
    }

    private static void WriteFigure(Utf8JsonWriter json, string field, Figure figure, double scale)
    {
        json.WriteStartObject(field);
        json.WriteNumber("value", decimal.Parse((figure.Value * scale).ToString("G4", CultureInfo.InvariantCulture), NumberStyles.Float, CultureInfo.InvariantCulture));
        json.WriteString("source", figure.Source);
        if (figure.IsEstimate)
            json.WriteBoolean("estimate", true);
        json.WriteEndObject();
    }
}
