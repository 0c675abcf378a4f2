namespace MultiInputNet.Hosting;

/// <summary>How a <see cref="BatchingPredictor"/> joins samples.</summary>
public sealed class BatchingOptions
{
    /// <summary>The most samples that go through the model at once, at least 1; 1 turns batching off.</summary>
    /// <value>Default: 32.</value>
    public int LargestBatch { get; init => field = AtLeastOne(value, nameof(LargestBatch)); } = 32;

    /// <summary>
    /// How long a sample may wait for others while the model is idle, from 0 to one minute. It waits only if, a moment ago, there were more
    /// callers at once than are waiting now; a single caller never waits.
    /// </summary>
    /// <value>Default: 2 milliseconds.</value>
    public TimeSpan LongestWait
    {
        get;
        init => field = value >= TimeSpan.Zero && value <= TimeSpan.FromMinutes(1)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(LongestWait), value, $"{nameof(LongestWait)} is {value}; give from 0 to one minute.");
    } = TimeSpan.FromMilliseconds(2);

    /// <summary>The most samples that may wait for the model, at least 1. Others are refused with a <see cref="QueueFullException"/>.</summary>
    /// <value>Default: 1024.</value>
    public int QueueLimit { get; init => field = AtLeastOne(value, nameof(QueueLimit)); } = 1024;

    private static int AtLeastOne(int value, string name) => value >= 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give at least 1.");
}
