using System.Text.Json.Serialization;

namespace MultiInputNet.Training;

/// <summary>Where a training stands, apart from tensors: the JSON of a checkpoint.</summary>
internal sealed class TrainingState
{
    /// <summary>Steps done, counted along the plan: a phase that ends early skips numbers.</summary>
    public long Step { get; set; }

    /// <summary>The phase that the next step belongs to, from 0.</summary>
    [JsonPropertyName("stage")] // its name in files
    public int Phase { get; set; }

    public List<EpochResult> History { get; init; } = [];

    /// <summary>The losses of each task in this epoch.</summary>
    public Dictionary<string, LossSum> Losses { get; init; } = [];

    /// <summary>How many samples of each source were drawn.</summary>
    public Dictionary<string, long> Drawn { get; init; } = [];

    /// <summary>The best validation of all epochs; null before the first.</summary>
    public double? BestValue { get; set; }

    public int? BestEpoch { get; set; }

    /// <summary>Epochs of this phase since the best validation.</summary>
    public int EpochsWithoutBetter { get; set; }

    /// <summary>Losses, each times what it was divided by, and the sum of those divisors.</summary>
    internal sealed record LossSum(double Sum, double Divisor)
    {
        [JsonIgnore]
        public double Mean => Divisor > 0 ? Sum / Divisor : 0;

        public LossSum Add(LossSum other) => new(Sum + other.Sum, Divisor + other.Divisor);
    }
}
