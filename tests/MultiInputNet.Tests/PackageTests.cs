using System.Diagnostics;
using System.IO.Compression;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Xml.Linq;

namespace MultiInputNet.Tests;

/// <summary>Packs the library and uses the package the way another program does.</summary>
[Trait("Category", "Slow")]
[Collection(nameof(PackedLibrary))]
public sealed class PackageTests(PackageTests.PackedLibrary packed)
{
    [Fact]
    public void Package_holds_what_its_users_need()
    {
        using var package = ZipFile.OpenRead(packed.File("nupkg"));

        package.Entries.Select(entry => entry.FullName).Should().Contain(
            "README.md",
            "LICENSE",
            "lib/net10.0/MultiInputNet.dll",
            "lib/net10.0/MultiInputNet.xml",
            "buildTransitive/MultiInputNet.targets",
            "buildTransitive/PatchTorchSharp.cs");
        using var symbols = ZipFile.OpenRead(packed.File("snupkg"));
        symbols.Entries.Select(entry => entry.FullName).Should().Contain("lib/net10.0/MultiInputNet.pdb");
    }

    [Fact]
    public void Package_depends_on_TorchSharp_and_three_small_libraries_only_and_states_its_licence()
    {
        using var package = ZipFile.OpenRead(packed.File("nupkg"));
        using var stream = package.GetEntry("MultiInputNet.nuspec")!.Open();
        var nuspec = XDocument.Load(stream).Root!;
        var names = nuspec.GetDefaultNamespace();

        nuspec.Descendants(names + "dependency").Select(dependency => dependency.Attribute("id")!.Value).Should().BeEquivalentTo("Google.Protobuf", "TorchSharp", "Sep", "SharpZipLib");
        nuspec.Descendants(names + "license").Single().Value.Should().Be("MIT");
        nuspec.Descendants(names + "readme").Single().Value.Should().Be("README.md");
    }

    /// <summary>What nuget.org shows of a package.</summary>
    [Fact]
    public void Every_package_has_an_icon_a_description_tags_and_the_newest_section_of_the_changelog()
    {
        var repository = Path.Combine(BuildValue("LibraryFolder"), "..", "..");
        var changes = File.ReadAllLines(Path.Combine(repository, "CHANGELOG.md")).SkipWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)).ToArray();
        var newest = changes.Take(1).Concat(changes.Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)));
        foreach (var id in Directory.GetDirectories(Path.Combine(repository, "src")).Select(folder => Path.GetFileName(folder)!))
        {
            using var package = ZipFile.OpenRead(packed.File("nupkg", id));
            using var stream = package.GetEntry($"{id}.nuspec")!.Open();
            var metadata = XDocument.Load(stream).Root!.Elements().Single(element => element.Name.LocalName == "metadata").Elements().ToDictionary(element => element.Name.LocalName, element => element.Value);

            metadata["description"].Should().NotBe("Package Description", id).And.EndWith(".");
            metadata["tags"].Split(' ').Should().HaveCountGreaterThan(3, id).And.Contain("torchsharp");
            Words(metadata["releaseNotes"]).Should().Be(Words(string.Join('\n', newest)));
            var icon = package.GetEntry(metadata["icon"])!;
            icon.Length.Should().BeInRange(500, 20_000);
            using var picture = icon.Open();
            var start = new byte[24];
            picture.ReadExactly(start);
            start[..8].Should().Equal(0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A);
            start[16..24].Should().Equal([0, 0, 0, 128, 0, 0, 0, 128], "it is 128 pixels wide and high");
        }

        static string Words(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public void The_images_package_depends_on_the_library_and_on_decoders()
    {
        using var package = ZipFile.OpenRead(packed.File("nupkg", "MultiInputNet.Images"));
        using var stream = package.GetEntry("MultiInputNet.Images.nuspec")!.Open();
        var nuspec = XDocument.Load(stream).Root!;
        var names = nuspec.GetDefaultNamespace();

        package.Entries.Select(entry => entry.FullName).Should().Contain("README.md", "LICENSE", "lib/net10.0/MultiInputNet.Images.dll", "lib/net10.0/MultiInputNet.Images.xml");
        nuspec.Descendants(names + "dependency").ToDictionary(dependency => dependency.Attribute("id")!.Value, dependency => dependency.Attribute("version")!.Value)
            .Should().Contain("MultiInputNet", packed.Version)
            .And.ContainKeys("TorchSharp", "SkiaSharp", "SkiaSharp.NativeAssets.Linux.NoDependencies", "BitMiracle.LibTiff.NET")
            .And.HaveCount(5);
        nuspec.Descendants(names + "license").Single().Value.Should().Be("MIT");
    }

    [Fact]
    public void The_ONNX_package_depends_on_the_library_protobuf_and_ONNX_Runtime()
    {
        using var package = ZipFile.OpenRead(packed.File("nupkg", "MultiInputNet.Onnx"));
        using var stream = package.GetEntry("MultiInputNet.Onnx.nuspec")!.Open();
        var nuspec = XDocument.Load(stream).Root!;
        var names = nuspec.GetDefaultNamespace();

        package.Entries.Select(entry => entry.FullName).Should().Contain("README.md", "LICENSE", "lib/net10.0/MultiInputNet.Onnx.dll", "lib/net10.0/MultiInputNet.Onnx.xml");
        nuspec.Descendants(names + "dependency").ToDictionary(dependency => dependency.Attribute("id")!.Value, dependency => dependency.Attribute("version")!.Value)
            .Should().Contain("MultiInputNet", packed.Version)
            .And.ContainKeys("TorchSharp", "Google.Protobuf", "Microsoft.ML.OnnxRuntime")
            .And.HaveCount(4);
        nuspec.Descendants(names + "license").Single().Value.Should().Be("MIT");
    }

    [Fact]
    public void Package_runs_in_a_fresh_program_and_in_what_it_publishes()
    {
        var program = packed.MakeProgram("program", """
            using MultiInputNet;
            using MultiInputNet.Images;
            using static TorchSharp.torch;

            using var model = MultiInputModel.Define()
                .Input("digit", Inputs.Image(channels: 1, height: 8, width: 8))
                .Base(Bases.ConvNet(channels: 4, 8))
                .Task("digit", Heads.Classification(classes: 3))
                .Build(CPU);
            System.Console.WriteLine($"shape {string.Join(", ", model.forward(rand(2, 1, 8, 8), "digit").shape)}");
            var image = ImageFiles.Read(model.Description.Input<ImageInput>("digit"), "grey.png");
            System.Console.WriteLine($"image {string.Join(", ", model.forward(image, "digit").shape)}");
            System.Console.WriteLine($"table {MultiInputNet.Data.TableSchema.Infer("letter.csv.gz", ["class"]).Input.Columns!.Count}");
            """);
        foreach (var file in new[] { "images/grey.png", "letter.csv.gz" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "files", file), Path.Combine(program, Path.GetFileName(file)));

        PackedLibrary.Dotnet(program, "run", "-c", "Release").Should().Contain("shape 2, 3").And.Contain("image 1, 3").And.Contain("table 16");
        PackedLibrary.Dotnet(program, "publish", "-c", "Release", "-o", "published");
        PackedLibrary.Dotnet(program, Path.Combine("published", "program.dll")).Should().Contain("shape 2, 3").And.Contain("image 1, 3").And.Contain("table 16");
    }

    [Fact]
    public void TorchSharp_is_never_optimised_in_a_program_that_references_the_package()
    {
        var program = packed.MakeProgram("modes", """
            using System.Diagnostics;
            using System.Reflection;
            using TorchSharp;

            Console.WriteLine($"modes {(int)typeof(torch).Assembly.GetCustomAttribute<DebuggableAttribute>()!.DebuggingFlags:x}");
            try
            {
                using var model = MultiInputNet.MultiInputModel.Define()
                    .Input("digit", MultiInputNet.Inputs.Image(channels: 1, height: 8, width: 8))
                    .Base(MultiInputNet.Bases.ConvNet(channels: 4))
                    .Task("digit", MultiInputNet.Heads.Classification(classes: 3))
                    .Build();
                Console.WriteLine($"warnings: {string.Join('\n', model.Warnings)}");
            }
            catch (MultiInputNet.MultiInputException e)
            {
                Console.WriteLine(e.Message);
            }

            if (args.Contains("stress"))
                Console.WriteLine(MultiInputNet.Stress.GarbageStress.Run(TimeSpan.Zero)); // each of its works once
            """);
        foreach (var file in new[] { "GarbageStress.cs", "TrainingCase.cs" })
            File.Copy(Path.Combine(BuildValue("StressFolder"), file), Path.Combine(program, file));
        string Publish(string folder, params string[] properties)
        {
            PackedLibrary.Dotnet(program, ["publish", "-c", "Release", "-o", folder, .. properties]);
            return PackedLibrary.Run(program, Path.Combine(program, folder, "modes"));
        }

        PackedLibrary.Dotnet(program, "run", "-c", "Release").Should().Contain("modes 103");
        Publish("switched-off", "-p:MultiInputNetPatchTorchSharp=false").Should().Contain("modes 2")
            .And.MatchRegex("warnings: TorchSharp .* may crash at random|Libtorch, backend: it cannot be loaded", "the second is that of a system with an old libstdc++");
        Publish("published").Should().Contain("modes 103").And.Contain("warnings: ").And.NotContain("may crash at random");
        Publish("single", "-p:PublishSingleFile=true").Should().Contain("modes 103");
        Publish("compiled", "-p:PublishReadyToRun=true").Should().Contain("modes 103");
        Assembly("published", "TorchSharp.dll").Should().Be((0x103, false, false));
        Assembly("compiled", "TorchSharp.dll").Should().Be((0x103, false, false), "compiled ahead it would be optimised, whatever its attribute says");
        Assembly("compiled", "MultiInputNet.dll").Precompiled.Should().BeTrue();
        PackedLibrary.Run(program, Path.Combine(program, "published", "modes"), "stress").Should().Contain("collections");
        PackedLibrary.Run(program, Path.Combine(program, "compiled", "modes"), "stress").Should().Contain("collections");

        PackedLibrary.Dotnet(program, "clean", "-c", "Release");
        Directory.EnumerateFiles(program, "TorchSharp.dll", SearchOption.AllDirectories).Where(file => file.Contains("/obj/") || file.Contains("/bin/")).Should().BeEmpty();

        (int Modes, bool Precompiled, bool Signed) Assembly(string folder, string file)
        {
            using var assembly = new PEReader(File.OpenRead(Path.Combine(program, folder, file)));
            var metadata = assembly.GetMetadataReader();
            var value = metadata.GetAssemblyDefinition().GetCustomAttributes().Select(metadata.GetCustomAttribute)
                .Where(attribute => attribute.Constructor.Kind == HandleKind.MemberReference)
                .Single(attribute => metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent).Name) == nameof(DebuggableAttribute))
                .Value;
            var headers = assembly.PEHeaders;
            return (metadata.GetBlobReader(value) is var blob && blob.ReadInt16() == 1 ? blob.ReadInt32() : -1,
                headers.CorHeader!.ManagedNativeHeaderDirectory.Size > 0,
                headers.PEHeader!.CertificateTableDirectory.Size > 0);
        }
    }

    private static string BuildValue(string key) =>
        typeof(PackageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(data => data.Key == key).Value!;

    [CollectionDefinition(nameof(PackedLibrary))]
    public sealed class Packed : ICollectionFixture<PackedLibrary>;

    /// <summary>The packed library in a folder of its own, under a version that no other package has.</summary>
    public sealed class PackedLibrary : IDisposable
    {
        public PackedLibrary()
        {
            foreach (var project in Directory.GetDirectories(Path.Combine(BuildValue("LibraryFolder"), "..")))
                Pack(project);
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("multi-input-net-").FullName;

        public string Version { get; } = $"0.0.0-test.{Guid.NewGuid():N}";

        public string File(string extension, string package = "MultiInputNet") => Path.Combine(Folder, $"{package}.{Version}.{extension}");

        public void Dispose()
        {
            Directory.Delete(Folder, recursive: true);
            var cache = Dotnet(Path.GetTempPath(), "nuget", "locals", "global-packages", "--list").Split(": ")[1].Trim();
            foreach (var cached in Directory.GetDirectories(cache, "multiinputnet*").Select(package => Path.Combine(package, Version)).Where(Directory.Exists))
                Directory.Delete(cached, recursive: true);
        }

        /// <summary>The folder of a program that references packages: this library's in this version, and TorchSharp's.</summary>
        public string MakeProgram(string name, string code, params string[] packages)
        {
            var program = Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;
            var references = (packages is [] ? ["MultiInputNet.Images", "TorchSharp-cpu"] : packages)
                .Select(package => $"""<PackageReference Include="{package}" Version="{(package.StartsWith("MultiInputNet", StringComparison.Ordinal) ? Version : BuildValue("TorchSharpVersion"))}" />""");
            System.IO.File.WriteAllText(Path.Combine(program, $"{name}.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <UseCurrentRuntimeIdentifier>true</UseCurrentRuntimeIdentifier>
                    <SelfContained>false</SelfContained>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <Nullable>enable</Nullable>
                    <RestoreAdditionalProjectSources>{Folder}</RestoreAdditionalProjectSources>
                  </PropertyGroup>
                  <ItemGroup>
                    {string.Join(' ', references)}
                  </ItemGroup>
                </Project>
                """);
            System.IO.File.WriteAllText(Path.Combine(program, "Program.cs"), code);
            return program;
        }

        private void Pack(string project) => Dotnet(
            project,
            "pack", "-c", "Release", "-o", Folder, $"-p:Version={Version}", "-p:RunAnalyzers=false", "--artifacts-path", Path.Combine(Folder, "artifacts"));

        /// <summary>Runs the SDK and gives what it printed; fails with that if it failed.</summary>
        public static string Dotnet(string folder, params string[] arguments) => Run(folder, "dotnet", arguments);

        /// <summary>Runs a program and gives what it printed; fails with that if it failed.</summary>
        public static string Run(string folder, string program, params string[] arguments)
        {
            var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };

            // What the build that runs these tests set for itself is not for another build.
            foreach (var name in start.Environment.Keys.Where(key => key.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase)).ToArray())
                start.Environment.Remove(name);
            start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            process.ExitCode.Should().Be(0, "{0} {1} printed:\n{2}\n{3}", program, string.Join(' ', arguments), output, error.Result);
            return output;
        }
    }
}
