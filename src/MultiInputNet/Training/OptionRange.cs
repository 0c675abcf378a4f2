namespace MultiInputNet.Training;

/// <summary>Returns an option if it is in its range, and rejects it otherwise.</summary>
internal static class OptionRange
{
    public static int AtLeast(int value, int least, string name) => value >= least
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give at least {least}.");

    public static double Between(double value, double low, double high, string name) => value >= low && value <= high
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number from {low} to {high}.");

    public static double Share(double value, string name) => value is >= 0 and < 1
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; give a number from 0 to below 1.");
}
