namespace MultiInputNet.Weights;

/// <summary>The formats of weight files, distinguished by content.</summary>
public enum WeightFormat
{
    /// <summary>A JSON header and the tensors' bytes, as the safetensors library defines it.</summary>
    SafeTensors,

    /// <summary>A zip archive with a pickle in it, as written by PyTorch's <c>torch.save</c> since version 1.6.</summary>
    PyTorch,

    /// <summary>Names and tensors one after another, as written by TorchSharp's <c>Module.save</c>.</summary>
    TorchSharp,

    /// <summary>A model in the Open Neural Network Exchange format, of which the initializers are read.</summary>
    Onnx,
}
