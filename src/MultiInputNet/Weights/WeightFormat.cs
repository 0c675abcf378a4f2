namespace MultiInputNet.Weights;

/// <summary>The formats of files of weights, told apart by their content.</summary>
public enum WeightFormat
{
    /// <summary>A JSON header and the tensors' bytes, as the safetensors library defines it.</summary>
    SafeTensors,

    /// <summary>A zip archive with a pickle in it, as PyTorch's <c>torch.save</c> writes it since version 1.6.</summary>
    PyTorch,

    /// <summary>Names and tensors one behind the other, as TorchSharp's <c>Module.save</c> writes them.</summary>
    TorchSharp,
}
