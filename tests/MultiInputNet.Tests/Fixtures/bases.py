"""What torchvision's models give for weights and inputs of a formula, in double precision: writes bases.safetensors.

Run with a Python that has torch and torchvision (0.14): python3 bases.py
"""

import hashlib
import os

import numpy
import torch
import torchvision
from torch.nn.utils import stateless
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

from tensor_file import save

SIZE = 64
SAMPLES = 256


def uniform(name, count):
    """Numbers from -0.5 to below 0.5, each a function of the name (FNV-1a) and its index (the mixing steps of MurmurHash3)."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    h = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(seed)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> numpy.uint32(shift))) * numpy.uint32(factor)
    h ^= h >> numpy.uint32(16)
    return (h >> numpy.uint32(8)) / 2.0**24 - 0.5


def value(name, shape):
    """The tensor that a model has under a name, scaled so that maps stay of the order of 1."""
    count = int(numpy.prod(shape))
    u = uniform(name, count)
    if name.endswith("running_var"):
        x = 1 + 0.5 * u
    elif name.endswith("layer_scale"):
        x = 0.3 + 0.2 * u
    elif len(shape) > 1 and shape[0] > 1:
        x = u * numpy.sqrt(12 * shape[0] / count)
    elif name.endswith("weight"):
        x = 1 + 0.4 * u
    else:
        x = 0.5 * u
    return torch.from_numpy(x.astype(numpy.float32).reshape(shape)).double()


def samples(x):
    """Values of a tensor at places that are spread over it."""
    flat = x.detach().reshape(-1)
    return flat[torch.arange(SAMPLES) * 2654435761 % flat.numel()].numpy().astype(numpy.float32)


def summary(x):
    x = x.detach()
    return [x.mean().item(), x.norm().item()]


def norms(tensors):
    return numpy.array([x.detach().norm().item() for x in tensors], numpy.float32)


def resnet_stages(model):
    stem = torch.nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    return [stem, model.layer1, model.layer2, model.layer3, model.layer4]


def vit(**sizes):
    """The model for the size of the published weights."""
    return VisionTransformer(image_size=224, patch_size=16, **sizes)


MODELS = {
    "resnet18": torchvision.models.resnet18,
    "resnet34": torchvision.models.resnet34,
    "resnet50": torchvision.models.resnet50,
    "resnet101": torchvision.models.resnet101,
    "mobilenet_v3_small": torchvision.models.mobilenet_v3_small,
    "mobilenet_v3_large": torchvision.models.mobilenet_v3_large,
    "efficientnet_b0": lambda: torchvision.models.efficientnet_b0(stochastic_depth_prob=0.0),
    "efficientnet_b1": lambda: torchvision.models.efficientnet_b1(stochastic_depth_prob=0.0),
    "efficientnet_b2": lambda: torchvision.models.efficientnet_b2(stochastic_depth_prob=0.0),
    "convnext_tiny": lambda: torchvision.models.convnext_tiny(stochastic_depth_prob=0.0),
    "vit_b_16": torchvision.models.vit_b_16,
    "vit_s_16": lambda: vit(num_layers=12, num_heads=6, hidden_dim=384, mlp_dim=1536),
}


def features(model, x):
    """The maps behind every stage; of a transformer, the patches behind the last normalisation alone."""
    if isinstance(model, VisionTransformer):
        # torchvision fits the position embedding when weights are loaded; here its gradient is wanted too.
        state = {"encoder.pos_embedding": model.encoder.pos_embedding}
        fitted = interpolate_embeddings(SIZE, 16, dict(state))["encoder.pos_embedding"]
        model.image_size = SIZE
        tokens = torch.cat([model.class_token.expand(len(x), -1, -1), model._process_input(x)], 1)
        tokens = stateless.functional_call(model.encoder, {"pos_embedding": fitted}, tokens)
        return [tokens[:, 1:].transpose(1, 2).reshape(len(x), -1, SIZE // 16, SIZE // 16)]
    stages = resnet_stages(model) if isinstance(model, torchvision.models.ResNet) else model.features
    maps = []
    for stage in stages:
        x = stage(x)
        maps.append(x)
    return maps


def main():
    torch.set_num_threads(1)
    arrays = {}
    for name, make in MODELS.items():
        model = make().double()
        state = {k: v for k, v in model.state_dict().items() if not k.startswith(("fc.", "classifier.", "heads."))}
        state = {k: state[k] for k in sorted(state) if not k.endswith("num_batches_tracked")}
        text = "".join(f"{k} {','.join(map(str, v.shape))}\n" for k, v in state.items())
        arrays[f"{name}/names"] = numpy.frombuffer(hashlib.sha256(text.encode()).digest(), numpy.uint8).astype(numpy.int64)
        for training in (False, True):
            mode = f"{name}/{'train' if training else 'eval'}"
            model.load_state_dict({k: value(k, v.shape) for k, v in state.items()}, strict=False)
            model.train(training)
            model.zero_grad()
            x = (4 * value("input", (2, 3, SIZE, SIZE))).requires_grad_()
            maps = features(model, x)
            y = maps[-1]
            (y * value("cotangent", y.shape)).sum().backward()
            parameters = [v for k, v in sorted(model.named_parameters()) if k in state]
            arrays[f"{mode}/output"] = samples(y)
            arrays[f"{mode}/maps"] = numpy.array([summary(m) for m in maps])
            arrays[f"{mode}/gradient_norms"] = norms([p.grad for p in parameters])
            arrays[f"{mode}/gradients"] = numpy.stack([samples(p.grad) for p in (parameters[0], parameters[len(parameters) // 2], parameters[-1])])
            arrays[f"{mode}/input_gradient"] = samples(x.grad)
            if training:
                arrays[f"{mode}/statistics"] = norms([model.state_dict()[k] for k in state if "running" in k] or [torch.zeros(1)])
        print(name, tuple(y.shape), arrays[f"{name}/eval/maps"][-1], arrays[f"{name}/train/maps"][-1], sum(v.numel() for v in state.values()), flush=True)
    save(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bases.safetensors"), arrays)


if __name__ == "__main__":
    main()
