// Errors, JSON, random numbers and workers are part of what a tensor program says; whoever imports
// PEFTTensor has them.
@_exported import PEFTRuntime
