// torch's random state belongs to the process, so tests that use it run one after the other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
