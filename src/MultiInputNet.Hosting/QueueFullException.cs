namespace MultiInputNet.Hosting;

/// <summary>As many samples wait for the model as may (<see cref="BatchingOptions.QueueLimit"/>); try again later.</summary>
public sealed class QueueFullException : Exception
{
    internal QueueFullException(int samples, int waiting, int limit)
        : base($"{waiting} samples wait for the model, so that {samples} more would exceed the limit of {limit}. Try again later, or raise QueueLimit.")
    {
    }
}
