namespace MultiInputNet;

/// <summary>A part of a description that only the user's code can make: JSON holds its name alone.</summary>
internal interface ICustomSpec
{
    string Name { get; }

    Delegate? Factory { get; }
}
