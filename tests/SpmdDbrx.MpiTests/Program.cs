namespace SpmdDbrx.MpiTests; internal static class Program { private static int Main() => 0; }
