using MultiInputNet.Training;

namespace MultiInputNet.Tests.Training;

/// <summary>A training as a program of its own, to be killed: it goes on from the checkpoints of its folder, and saves the model at its end.</summary>
internal static class TrainingProcess
{
    public static TrainerOptions Options(string folder) => TrainingProblem.Options with
    {
        Phases = [new(4, Parts.Heads(), Parts.Projections()), new(6, Parts.All, Parts.Base.At(0.5))],
        AccumulatedBatches = 2,
        EarlyStopping = new() { Patience = 4 },
        Checkpoints = new(folder) { EverySteps = 2 },
    };

    public static int Run(string folder)
    {
        using var model = TrainingProblem.Build();
        new Trainer(model, Options(folder)).Resume(TrainingProblem.Sources(400), TrainingProblem.Sources(100), new Now(step =>
        {
            Console.Out.WriteLine(step.Step);
            Console.Out.Flush();
        }));
        model.Save(Path.Combine(folder, "model.safetensors"));
        return 0;
    }
}
