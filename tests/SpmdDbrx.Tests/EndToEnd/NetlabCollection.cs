using Xunit;

namespace SpmdDbrx.Tests.EndToEnd;

/// <summary>Tests on the lab's hosts: one after the other, and none beside other tests, since they measure seconds.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class NetlabCollection : ICollectionFixture<Netlab>
{
    public const string Name = "netlab";
}
