"""Random models of other libraries, saved by torch.save or safetensors, and their outputs: for peers.test.ts.

    PYTHON peers.py FOLDER        writes NAME.pth, NAME.input.npy and NAME.logits.npy for what can be imported,
                                  prints the names
    PYTHON peers.py check A B     says whether torch.load(A, weights_only) equals torch.load(B), or numpy.load for .npz
"""
import sys

import numpy as np
import torch


def randomise(model):
    """Values that make every tensor matter."""
    generator = torch.Generator().manual_seed(5)
    for name, value in model.state_dict().items():
        if not value.is_floating_point():
            continue
        if name.endswith(("running_var", "norm.weight", "norm1.weight", "norm2.weight")):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif "layer_scale" in name or name.endswith("gamma"):
            value.copy_(torch.rand(value.shape, generator=generator) * 0.9 + 0.1)
        elif value.ndim > 1 and "attention_biases" not in name:
            value.copy_(torch.randn(value.shape, generator=generator) * value[0].numel() ** -0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.2)


def timm_model():
    import timm

    return timm.create_model("efficientformer_l1"), lambda model, x: model(x)


def transformers_model():
    from transformers.models.deprecated import efficientformer as ef

    # transformers' default ε of layer norms is 1e-12; the authors' models have 1e-5.
    config = ef.EfficientFormerConfig(num_labels=1000, hidden_size=448, layer_norm_eps=1e-5)
    model = ef.EfficientFormerForImageClassificationWithTeacher(config)
    return model, lambda model, x: model(x).logits


def timm_mobilenet():
    import timm

    return timm.create_model("mobilenetv2_100"), lambda model, x: model(x)


def transformers_mobilevit():
    import transformers

    widths = {"hidden_sizes": [96, 120, 144], "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384]}
    config = transformers.MobileViTConfig(num_labels=1000, **widths)
    return transformers.MobileViTForImageClassification(config), lambda model, x: model(x).logits


MODELS = {
    "timm": timm_model,
    "transformers": transformers_model,
    "timm-mobilenetv2": timm_mobilenet,
    "transformers-mobilevit": transformers_mobilevit,
}


def write(folder):
    for name, make in MODELS.items():
        try:
            model, run = make()
        except ImportError:
            continue
        randomise(model)
        model.eval()  # now: transformers keeps the attention biases it finds here
        x = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(7))
        with torch.no_grad():
            logits = run(model.double(), x.double())
        torch.save(model.float().state_dict(), f"{folder}/{name}.pth")
        np.save(f"{folder}/{name}.input.npy", x.numpy())
        np.save(f"{folder}/{name}.logits.npy", logits.numpy())
        print(name)


def check(ours, theirs):
    if ours.endswith(".npz"):
        found = {key: torch.from_numpy(value) for key, value in np.load(ours).items()}
    else:
        found = torch.load(ours, weights_only=True, mmap=True)
    wanted = torch.load(theirs, weights_only=False)
    assert list(found) == list(wanted), "names differ"
    for key, value in wanted.items():
        assert found[key].dtype == value.dtype and found[key].shape == value.shape, key
        assert found[key].numpy(force=True).tobytes() == value.contiguous().numpy(force=True).tobytes() if (
            value.dtype != torch.bfloat16
        ) else torch.equal(found[key].view(torch.int16), value.contiguous().view(torch.int16)), key
    print(len(wanted))


if sys.argv[1] == "check":
    check(sys.argv[2], sys.argv[3])
else:
    write(sys.argv[1])
