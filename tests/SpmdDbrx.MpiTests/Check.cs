using System.Reflection;
using SpmdDbrx.Mpi;
using Xunit;

namespace SpmdDbrx.MpiTests;

/// <summary>One test as mpiexec's ranks run it together.</summary>
/// <param name="Name">Method with its arguments.</param>
/// <param name="Run">The test on this rank; throws on failure.</param>
internal sealed record Check(string Name, Action Run)
{
    /// <summary>All [Fact] and [Theory] methods of the public classes that are made from a world, in the same order on every rank.</summary>
    public static IReadOnlyList<Check> FindAll(Intracommunicator world) =>
    [
        .. from type in typeof(Check).Assembly.GetExportedTypes()
           where !type.IsAbstract && type.GetConstructor([typeof(Intracommunicator)]) is not null
           from method in type.GetMethods()
           where method.GetCustomAttribute<FactAttribute>() is not null
           from arguments in ArgumentsOf(method)
           orderby type.Name, method.Name
           select new Check(NameOf(method, arguments), () => Invoke(type, method, arguments, world)),
    ];

    private static IEnumerable<object?[]> ArgumentsOf(MethodInfo method)
    {
        IEnumerable<InlineDataAttribute> data = method.GetCustomAttributes<InlineDataAttribute>();
        return method.GetParameters().Length == 0 ? [[]] : data.SelectMany(row => row.GetData(method));
    }

    private static string NameOf(MethodInfo method, object?[] arguments) =>
        arguments.Length == 0 ? method.Name : $"{method.Name}({string.Join(", ", arguments)})";

    private static void Invoke(Type type, MethodInfo method, object?[] arguments, Intracommunicator world)
    {
        object instance = Activator.CreateInstance(type, world)!;
        method.Invoke(instance, BindingFlags.DoNotWrapExceptions, null, arguments, null);
    }
}
