import ArgumentParser
import PEFTData

/// The options for reading data files.
struct DataOptions: ParsableArguments {
  @Option(help: "Format of the data files. (default: chosen by the file's extension)")
  var format: DataFormat?

  @Option(
    help: """
      Columns, numbered from 1 or named, such as text=1,label=2; text=2+3 joins two columns with a \
      space. For pairs text_a=…,text_b=…; id=… for the row's name, header=yes or no.
      """,
    transform: ColumnSelection.parse)
  var columns: ColumnSelection?
}

extension DataFormat: ExpressibleByArgument {}
