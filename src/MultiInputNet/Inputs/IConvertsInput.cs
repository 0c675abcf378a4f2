namespace MultiInputNet;

/// <summary>A projection that takes batches of any floating-point type, and converts its results to the type of its weights.</summary>
internal interface IConvertsInput;
