using MultiInputNet.Tests;
using MultiInputNet.Tests.Foundation;
using MultiInputNet.Tests.Training;

// The test runner loads this assembly and does not run it; a test that needs a process of its own runs it as a program.
return args switch
{
    ["train", var folder] => TrainingProcess.Run(folder),
    ["memory", var mode] => FreedMemoryTests.Measure(mode),
    ["predict"] => PackedWeightsTests.Predict(),
    _ => 1,
};
