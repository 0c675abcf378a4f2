namespace MultiInputNet.Data;

/// <summary>A batch that a training step takes.</summary>
/// <param name="Source">The position of its source among the sources of the training, from 0.</param>
/// <param name="Batch">The batch's number in its source's own order: how many the source delivered before.</param>
internal readonly record struct SourceDraw(int Source, long Batch);
