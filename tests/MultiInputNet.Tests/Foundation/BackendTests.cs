namespace MultiInputNet.Tests;

public sealed class BackendTests
{
    private static readonly Version Version = new(0, 107, 0, 0);

    [Theory]
    [InlineData("win-x64", "TorchSharp 0.107.0 does not load on Windows", "WSL")]
    [InlineData("win-arm64", "TorchSharp/issues/1567", "WSL")]
    [InlineData("linux-arm64", "has no native library for linux-arm64", "Linux x64")]
    [InlineData("linux-musl-x64", "has no native library for linux-musl-x64", "glibc")]
    [InlineData("linux-x64", "it cannot be loaded", "TorchSharp-cpu 0.107.0")]
    [InlineData("osx-arm64", "it cannot be loaded", "TorchSharp-cpu 0.107.0")]
    public void A_libtorch_that_does_not_load_is_explained(string system, string problem, string cure)
    {
        var cause = new NotSupportedException("TorchSharp's own words");

        var explained = Backend.Explain(cause, system, Version);

        explained.Problem.Should().Contain(problem);
        explained.Cure.Should().Contain(cure);
        explained.InnerException.Should().BeSameAs(cause);
    }

    [Fact]
    public void A_later_TorchSharp_on_Windows_is_not_blamed_for_the_fault_of_this_one() =>
        Backend.Explain(new NotSupportedException(), "win-x64", new(0, 107, 1, 0)).Cure.Should().Contain("TorchSharp-cpu 0.107.1");

    [Fact]
    public void A_TorchSharp_that_frees_what_native_code_reads_is_warned_of()
    {
        Backend.FindWarning().Should().BeNull("the tests run with the cured copy");
        Backend.FindWarning(keepsArguments: false, Version).Should().Contain("TorchSharp 0.107.0 may crash at random");
        Backend.FindWarning(keepsArguments: false, new(0, 108, 0, 0)).Should().BeNull();
    }
}
