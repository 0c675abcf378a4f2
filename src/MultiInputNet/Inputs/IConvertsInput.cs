namespace MultiInputNet;

/// <summary>A projection that takes batches of any floating type, and converts what it makes of them to the type of its weights.</summary>
internal interface IConvertsInput;
