"""What the models of the zoo are fed with when they are timed: the first sample of their own data, preprocessed as the model wants it.

A zoo is a folder with models/*.onnx and data/*.npy, as compare_onnxruntime.py --zoo takes it. Lengths of sequences are usual ones of the data:
16 tokens, 8 letters, 40 frames. Nothing is drawn at random but the noise of the voice detector's input, which has a fixed seed.
"""
import os
import numpy as np


def planes(images):
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)


def first_of_length(data, prefix, values, least, exact=False):
    """The first row of `values` with at least (or exactly) `least` elements, cut to that."""
    lengths = data(prefix)
    row = int((lengths == least if exact else lengths >= least).argmax())
    return data(values)[row:row + 1, :least]


def resnet(data):
    mean, deviation = np.float32([.485, .456, .406]), np.float32([.229, .224, .225])
    return {"input": planes((data("cifar10_train2k_x_u8_nhwc")[:1].astype(np.float32) / 255 - mean) / deviation)}


def mobilenet(data):
    return {"input": planes(data("imagenet400_x_u8_nhwc_128")[:1].astype(np.float32) / 127.5 - 1)}


def yolox(data):
    return {"images": data("yolox_calib16_u8_nchw_bgr")[:1].astype(np.float32)}


def use_lite(data):
    ids = first_of_length(data, "stsb_dev_len_a", "stsb_dev_ids_a", 16).astype(np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def letters(data):
    return {"chars": first_of_length(data, "g2p_len", "g2p_chars", 8, exact=True).astype(np.int64)}


def digits(data):
    return {"feats": first_of_length(data, "fsdd_test_len", "fsdd_test_feats", 40).astype(np.float32)}


def espcn(data):
    return {"_ppp5_expanded": data("espcn_lr_y_u8")[:1, None].astype(np.float32) / np.float32(255)}


def mnist(data):
    return {"Input3": data("mnist2k_x_u8")[:1, None].astype(np.float32)}


def voice(_):
    """A frame of a hummed note with noise, and a state as it may be in the middle of speech."""
    random, time = np.random.default_rng(0), np.arange(576) / 16000
    tone = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 12)) * .05 + random.normal(0, .002, 576)
    return {"input": tone[None].astype(np.float32), "state": random.normal(0, .3, (2, 1, 128)).astype(np.float32), "sr": np.array(16000, np.int64)}


FEEDS = {"cifar10_resnet20": resnet, "mobilenet_v1_0.25_128": mobilenet, "mobilenet_v1_0.25_128_quant": mobilenet, "yolox_nano": yolox,
         "use_lite_en": use_lite, "g2p_en_loop": letters, "bilstm_fsdd_ours": digits, "espcn_x3": espcn, "mnist_cntk": mnist, "silero_vad_16k_op15": voice}
IMAGE_MODELS = ("cifar10_resnet20", "mobilenet_v1_0.25_128", "mobilenet_v1_0.25_128_quant", "yolox_nano", "espcn_x3", "mnist_cntk")


def feed_of(zoo, model):
    """Arrays by input name for the file `model`, or for one that was made of it and is called <name>.<suffix>.onnx; None where the zoo does not know it."""
    stem = os.path.basename(model)
    known = [name for name in FEEDS if stem.startswith(name + ".")]
    if not known: return None
    return FEEDS[max(known, key=len)](lambda name: np.load(os.path.join(zoo, "data", name + ".npy")))
