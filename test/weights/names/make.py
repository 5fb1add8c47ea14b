"""Writes the tensor names and shapes of the peers' models, which the tests of lib/weights read.

    PYTHON test/weights/names/make.py timm torchvision     # and, with transformers 4: transformers
    PYTHONPATH=RepViT/model PYTHON test/weights/names/make.py repvit        # with one of github.com/THU-MIG/RepViT
    PYTHONPATH=ml-cvnets PYTHON test/weights/names/make.py cvnets     # with a checkout of github.com/apple/ml-cvnets
    PYTHON test/weights/names/make.py efficientformer     # with the recordings in ../shared/goldens beside the checkout

Each file says with which version it was made. PoolFormer's official names are made here by its published structure and
checked through timm's own conversion of them.
"""
import hashlib
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent


def write(name, source, state):
    rows = [[key, list(value.shape)] for key, value in state.items()]
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (HERE / f"{name}.json").write_text(f'{{"source":{json.dumps(source)},"tensors":[\n{text}\n]}}\n')


def timm_models():
    import timm
    from timm.models.metaformer import checkpoint_filter_fn

    source = f"timm {timm.__version__}"
    for size in ("l1", "l3", "l7"):
        write(f"timm_efficientformer_{size}", source, timm.create_model(f"efficientformer_{size}").state_dict())
    for name in ("deit_small_distilled_patch16_224", "deit_tiny_patch16_224"):
        write(f"timm_{name}", source, timm.create_model(name).state_dict())
    write("timm_efficientformerv2_s0", source, timm.create_model("efficientformerv2_s0").state_dict())
    write("timm_mobilenetv2_100", source, timm.create_model("mobilenetv2_100").state_dict())
    repvit = timm.create_model("repvit_m0_9").eval()
    write("timm_repvit_m0_9", source, repvit.state_dict())
    write("timm_repvit_m0_9_folded", source, timm.utils.reparameterize_model(repvit).state_dict())
    model = timm.create_model("poolformer_s12")
    own = model.state_dict()
    write("timm_poolformer_s12", source, own)
    official = official_poolformer(own, depths=(2, 2, 6, 2))
    converted = checkpoint_filter_fn(dict(official), model)
    assert set(converted) == set(own), set(converted) ^ set(own)
    assert all(converted[key] is own[key] or converted[key].shape == own[key].shape for key in own)
    write("official_poolformer_s12", f"PoolFormer's structure, checked through {source}", official)


def official_poolformer(timm_state, depths):
    """The official PoolFormer's names: `network` holds stages (lists of blocks) and, between them, embeddings."""
    rename = {"patch_embed.proj": "stem.conv", "norm": "head.norm", "head": "head.fc"}
    for stage, depth in enumerate(depths):
        if stage > 0:
            rename[f"network.{2 * stage - 1}.proj"] = f"stages.{stage}.downsample.conv"
        for block in range(depth):
            for part in ("norm1", "norm2", "mlp.fc1", "mlp.fc2"):
                rename[f"network.{2 * stage}.{block}.{part}"] = f"stages.{stage}.blocks.{block}.{part}"
            for i in (1, 2):
                rename[f"network.{2 * stage}.{block}.layer_scale_{i}"] = f"stages.{stage}.blocks.{block}.layer_scale{i}.scale"
    official = {}
    for theirs, timms in rename.items():
        if timms in timm_state:
            official[theirs] = timm_state[timms]
        for kind in ("weight", "bias"):
            if f"{timms}.{kind}" in timm_state:
                official[f"{theirs}.{kind}"] = timm_state[f"{timms}.{kind}"]
    assert len(official) == len(timm_state)
    return official


def torchvision_models():
    import torchvision

    source = f"torchvision {torchvision.__version__}"
    for name in ("resnet18", "resnet50"):
        write(f"torchvision_{name}", source, torchvision.models.get_model(name, weights=None).state_dict())
    for name in ("maskrcnn_resnet50_fpn",):
        model = torchvision.models.get_model(name, weights=None, weights_backbone=None)
        write(f"torchvision_{name}", source, model.state_dict())


def repvit_models():
    import types

    import timm.layers

    # It looks for them where timm had them before 1.0.
    for name in ("layers", "vision_transformer"):
        sys.modules[f"timm.models.{name}"] = types.SimpleNamespace(**vars(timm.layers))
    import repvit

    model = repvit.repvit_m0_9(distillation=True, num_classes=1000)
    write("official_repvit_m0_9", "github.com/THU-MIG/RepViT", model.state_dict())


def efficientformer_models():
    """Of the authors' checkpoints, the digest of names and shapes, and the buffers that are not parameters of ours."""
    recorded = HERE.parents[3] / "shared/goldens/checkpoints/state_dict_keys.json"
    parts = ['"source":"the authors\' code, from ../shared/goldens"']
    for model, content in json.loads(recorded.read_text()).items():
        rows = sorted(row[:2] for row in content["names"])
        compact = lambda value: json.dumps(value, separators=(",", ":"))
        digest = hashlib.sha256(compact(rows).encode()).hexdigest()
        dense = not model.endswith("_cls")  # keeps the classifier's table of biases beside its own
        unused = r"attention_bias_idxs(_seg)?$" + (r"|attention_biases$" if dense else "")
        buffers = [row for row in rows if re.search(unused, row[0])]
        parts.append(f'"{model}":{compact({"sha256": digest, "buffers": buffers})}')
    (HERE / "official_efficientformers.json").write_text("{" + ",\n".join(parts) + "}\n")


def transformers_models():
    import transformers

    source = f"transformers {transformers.__version__}"
    widths = {"hidden_sizes": [96, 120, 144], "neck_hidden_sizes": [16, 32, 48, 64, 80, 96, 384]}
    config = transformers.MobileViTConfig(num_labels=1000, **widths)
    write("transformers_mobilevit_xs", source, transformers.MobileViTForImageClassification(config).state_dict())
    # Only version 4 has this one.
    from transformers.models.deprecated import efficientformer as ef

    sizes = {
        "l1": dict(depths=[3, 2, 6, 4], hidden_sizes=[48, 96, 224, 448], num_meta3d_blocks=1),
        "l3": dict(depths=[4, 4, 12, 6], hidden_sizes=[64, 128, 320, 512], num_meta3d_blocks=4),
        "l7": dict(depths=[6, 6, 18, 8], hidden_sizes=[96, 192, 384, 768], num_meta3d_blocks=8),
    }
    for size, options in sizes.items():
        config = ef.EfficientFormerConfig(num_labels=1000, dim=options["hidden_sizes"][-1], hidden_size=options["hidden_sizes"][-1], **options)
        model = ef.EfficientFormerForImageClassificationWithTeacher(config)
        write(f"transformers_efficientformer_{size}", source, model.state_dict())


def cvnets_models():
    import argparse
    import importlib.abc
    import importlib.machinery
    import re
    from unittest.mock import MagicMock

    class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        """Empty modules for imports of ml-cvnets that a model's structure does not need."""

        wanted = {"requests", "coremltools", "pybase64", "av", "ujson", "psutil", "sentencepiece", "boto3", "botocore"}

        def find_spec(self, name, path=None, target=None):
            known = name.split(".")[0] in self.wanted
            return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

        def create_module(self, spec):
            module = MagicMock()
            module.__path__, module.__spec__ = [], spec
            return module

        def exec_module(self, module):
            pass

    sys.meta_path.append(Stubs())
    from cvnets.models.classification.mobilevit import MobileViT

    options = argparse.Namespace()
    for key, value in {
        "model.classification.mit.mode": "x_small",
        "model.classification.mit.number_heads": 4,
        "model.classification.mit.head_dim": None,
        "model.classification.activation.name": "swish",
        "model.classification.n_classes": 1000,
        "model.activation.name": "swish",
        "model.normalization.name": "batch_norm",
        "model.layer.conv_init": "kaiming_normal",
        "model.layer.linear_init": "trunc_normal",
    }.items():
        setattr(options, key, value)
    while True:
        try:
            model = MobileViT(options)
            break
        except AttributeError as error:  # an option without a default, none of which changes a name
            missing = re.search(r"no attribute '(model\.[\w.]+)'", str(error))
            if missing is None:
                raise
            setattr(options, missing[1], None)
    write("cvnets_mobilevit_xs", "github.com/apple/ml-cvnets", model.state_dict())


if __name__ == "__main__":
    for which in sys.argv[1:]:
        {
            "timm": timm_models,
            "torchvision": torchvision_models,
            "transformers": transformers_models,
            "cvnets": cvnets_models,
            "repvit": repvit_models,
            "efficientformer": efficientformer_models,
        }[which]()
