namespace MultiInputNet;

/// <summary>A part of a description that only the user's code can create: JSON contains only its name.</summary>
internal interface ICustomSpec
{
    string Name { get; }

    Delegate? Factory { get; }
}
