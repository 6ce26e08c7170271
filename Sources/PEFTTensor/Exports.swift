// Errors, JSON, random numbers and workers are part of this API, so importing PEFTTensor exports
// them.
@_exported import PEFTRuntime
