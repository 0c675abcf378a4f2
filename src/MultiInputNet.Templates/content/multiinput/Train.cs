using MultiInputNet;
using MultiInputNet.Data;
using MultiInputNet.Images;
using MultiInputNet.Terminal;
using MultiInputNet.Training;

namespace MultiInputApp;

internal static class Train
{
    public static void Run(string table, string target, string images, string output, int epochs)
    {
        // Every fifth row is held out. What the schema learns from the table (which columns are numbers, their means, the categories of
        // the others) it must learn without those rows too; all of it is saved with the model.
        static bool IsTraining(long row) => row % 5 != 4;
        var schema = TableSchema.Infer(table, targets: [target], new() { TrainingRows = IsTraining });
        var rows = new CsvSource("plant", schema, table, IsTraining) { BatchSize = 16 };
        var heldOutRows = new CsvSource("plant", schema, table, row => !IsTraining(row));

        var flip = Augmentations.HorizontalFlip(); // half of the photos mirrored, anew in each epoch

        // Images of any size are resized and cropped to the size of the input. The classes are the names of the folders.
        var image = Inputs.Image(channels: 3, height: 24, width: 24) with { Resize = Resize.CentreCrop };
        var photos = new ImageFolderSource("photo", images, image)
        {
            BatchSize = 16,
            Augment = (_, batch) => flip(batch),
        };
        var (trainingPhotos, heldOutPhotos) = photos.Split(validationShare: 0.2, seed: 1);

        // One base for both inputs: each has a projection onto it, and each task a head of its own.
        using var model = MultiInputModel.Define()
            .Input("plant", schema.Input)
            .Input("photo", image.StandardizedBy(trainingPhotos))
            .Base(Bases.ConvNet(channels: 16, 32))
            .Task("plant", schema.Head)
            .Task("photo", new ClassificationSpec(photos.ClassNames.Count) { ClassNames = photos.ClassNames })
            .Build(seed: 1);
        Console.WriteLine(model.Summary());

        // A step takes a batch from each source and minimises the sum of the losses.
        DataSource[] heldOut = [heldOutRows, heldOutPhotos];
        var trainer = new Trainer(model, new() { Epochs = epochs, LearningRate = 3e-3, Seed = 1 });
        using (var progress = new ConsoleProgress())
            progress.Complete(trainer.Fit([rows, trainingPhotos], validation: heldOut, progress: progress));

        foreach (var (task, result) in trainer.Evaluate(heldOut))
            Console.WriteLine($"{task}: {result.Primary} {result.PrimaryValue:0.000} on held-out samples");

        model.Save(output);
        Console.WriteLine($"Saved to {output}.");
    }
}
