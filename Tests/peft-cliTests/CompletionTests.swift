import PEFTModels
import Testing

@Suite("Completions of the shells")
struct CompletionTests {
  @Test("options, methods and files are completed", arguments: ["bash", "zsh", "fish"])
  func completions(shell: String) throws {
    let made = try PEFTProcess.run("--generate-completion-script", shell)
    #expect(made.status == 0, "\(made.errors)")
    for name in MethodCatalogue.standard.names + ["quickstart", "budget"] {
      #expect(made.output.contains(name), "\(name)")
    }
    let files = [
      "bash": "__peft_add_completions -d", "zsh": "_files", "fish": "__peft_complete_directories",
    ][shell]
    #expect(made.output.contains(files ?? "none"))
  }
}
