import PEFTTensor

/// What differs between the families of encoders besides sizes: names, inputs and heads. The usual
/// values are BERT's.
struct EncoderForm: Sendable {
  /// The start of the names of transformers' classes.
  var className: String
  /// The prefix of the backbone's names, with its dot.
  var prefix: String
  /// Whether positions begin after the padding token; otherwise they begin at 0.
  var countsFromPadding = false
  /// Whether tokens have a type, and a table for it.
  var hasTokenTypes = true
  /// Whether attention scores have a bias that depends on the distance between the tokens.
  var hasRelativePositions = false
  /// The keys of `config.json`.
  var keys = EncoderKeys()
  /// The module that holds the layers.
  var encoder = "encoder"
  /// The path of a layer below that module.
  var layerPath: @Sendable (Int) -> String = { "layer.\($0)" }
  /// The map after tables of embeddings that are narrower than the layers.
  var projection = Projection()
  /// The path of the pooler.
  var pooler = "pooler.dense"
  /// Whether there is dropout after the attention blocks.
  var dropsAttention = true
  /// Whether there is dropout after the feed-forward blocks.
  var dropsFeedForward = true
  /// The names of a layer's modules.
  var layer = EncoderLayerNames()
  /// The map before the output of a text classifier that reads the first token; nil means the
  /// pretrained model's pooler.
  var classifierMap: ClassifierMap?
  /// The dropout in the head of a text classifier where the configuration names none; nil means
  /// that of the layers.
  var usualClassifierDropout: Double?
  /// Whether the head of a token classifier has the dropout of a text classifier; otherwise it has
  /// that of the layers.
  var sharesClassifierDropout = true
  /// The head of a masked language model.
  var predictions = PredictionNames()

  /// A map after the tables of embeddings.
  struct Projection: Sendable {
    /// Its path.
    var name = "embeddings_project"
    /// Whether it exists even if the tables are as wide as the layers.
    var isAlways = false
  }

  /// The map of a text classifier that is new for every task: f(W d(x)), followed by dropout and
  /// the output.
  struct ClassifierMap: Sendable {
    /// Its path.
    var name = "classifier.dense"
    /// The path of the output.
    var output = "classifier.out_proj"
    /// f.
    var activation = Activation.tanh
    /// Whether there is dropout before the map, d.
    var dropsInput = true
  }
}

/// The keys of `config.json` that do not have the same name in all families.
struct EncoderKeys: Sendable {
  /// The width of the residual stream.
  var hiddenSize = "hidden_size"
  /// The width of the tables of embeddings; nil where it is that of the residual stream.
  var embeddingSize: String?
  /// The number of layers.
  var layerCount = "num_hidden_layers"
  /// The number of layers with parameters of their own; nil where all have them.
  var distinctLayerCount: String?
  /// The number of attention heads.
  var headCount = "num_attention_heads"
  /// The width of the feed-forward blocks.
  var intermediateSize = "intermediate_size"
  /// The nonlinearity of the feed-forward blocks.
  var activation = "hidden_act"
  /// The nonlinearity where a configuration names none.
  var usualActivation = "gelu"
  /// The constant of layer norms; nil where a configuration cannot set it.
  var epsilon: String? = "layer_norm_eps"
  /// The dropout after embeddings and blocks.
  var hiddenDropout = "hidden_dropout_prob"
  /// The dropout of attention probabilities.
  var attentionDropout = "attention_probs_dropout_prob"
  /// Both dropouts where a configuration names none.
  var usualDropout = 0.1
  /// The dropout in the head; nil where a configuration cannot set it.
  var classifierDropout: String? = "classifier_dropout"
}

/// The paths of a layer's modules below its own.
struct EncoderLayerNames: Sendable {
  /// The query projection.
  var query = "attention.self.query"
  /// The key projection.
  var key = "attention.self.key"
  /// The value projection.
  var value = "attention.self.value"
  /// The map from the heads back to the residual stream.
  var attentionOutput = "attention.output.dense"
  /// The norm after attention.
  var attentionNorm = "attention.output.LayerNorm"
  /// The map into the feed-forward block.
  var intermediate = "intermediate.dense"
  /// The map out of the feed-forward block.
  var output = "output.dense"
  /// The norm after the feed-forward block.
  var outputNorm = "output.LayerNorm"
}

/// The names of a masked language model's head.
struct PredictionNames: Sendable {
  /// The start of all names of its parameters.
  var prefix = "cls.predictions."
  /// The path of the linear map.
  var dense = "cls.predictions.transform.dense"
  /// The path of the norm.
  var norm = "cls.predictions.transform.LayerNorm"
  /// The name of the output layer's bias.
  var bias = "cls.predictions.bias"
  /// The path of the output layer, whose weight is the word table.
  var outputLayer = "cls.predictions.decoder"
  /// The activation after the linear map; nil means that of the layers.
  var activation: Activation?
}
