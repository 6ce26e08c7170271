import PEFTData
import PEFTModels
import PEFTTensor
import PEFTText

extension ChatTemplate {
  /// The template of the model in `files`, by `chat_template.jinja`, by the `chat_template` of its
  /// tokenizer's settings, or else by its vocabulary; nil where these do not make it clear.
  package init?(files: ModelFiles, tokenizer: Tokenizer) throws(FileError) {
    var jinja = try files.bytes(ModelFiles.chatTemplateName).map {
      String(decoding: $0, as: UTF8.self)
    }
    if jinja == nil {
      let setting = try files.document(ModelFiles.tokenizerSettingsName)?["chat_template"]
      let named = setting?.array?.first { $0["name"]?.string == "default" } ?? setting?.array?.first
      jinja = setting?.string ?? named?["template"]?.string
    }
    self.init(jinja: jinja, vocabulary: tokenizer.vocabulary)
  }
}
