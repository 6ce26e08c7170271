"""What the generators of parity fixtures share: sizes, perturbation, names, training steps."""
import copy

import torch
from peft import get_peft_model

SIZES = dict(
    vocab_size=120, hidden_size=24, num_hidden_layers=2, num_attention_heads=3,
    intermediate_size=40, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    initializer_range=0.25)  # large enough that softmax and GELU are far from linear


def perturb(model, seed):
    """Nothing stays at zero or one, so nothing can be right by accident."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return model


def adapt(model, config, seed, folder):
    """`model` with a perturbed adapter, which is saved in `folder`."""
    adapted = get_peft_model(model, config)
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    return adapted


def merged(adapted):
    """A copy with the adapter folded into the weights, for evaluation."""
    return copy.deepcopy(adapted).merge_and_unload().eval()


def padded(rows, value):
    width = max(len(row) for row in rows)
    return torch.tensor([row + [value] * (width - len(row)) for row in rows])


def clean(name):
    """A parameter's name in the base model's terms, or as adapter files have it."""
    return (name.replace("base_model.model.", "").replace(".base_layer", "")
            .replace(".modules_to_save.default", "").replace(".default", "")
            .replace("magnitude_vector.weight", "magnitude_vector"))


def gradients(model):
    """By name; an output layer that is the word table has the table's name."""
    names = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if parameter.requires_grad and (parameter not in names or "embed" in name):
            names[parameter] = name
    return {"gradient." + clean(name): parameter.grad.clone() for parameter, name in names.items()}


def train(model, loss_of_model):
    """The losses before each of ten AdamW steps."""
    trained = [q for q in model.parameters() if q.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
    losses = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = loss_of_model(model)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=torch.float64)
