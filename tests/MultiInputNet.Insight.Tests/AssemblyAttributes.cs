// torch's random state and the console belong to the process, so tests that use them run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
