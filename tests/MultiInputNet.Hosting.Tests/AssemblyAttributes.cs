// libtorch's threads belong to the process, so tests run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
