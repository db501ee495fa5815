"""Which arithmetic training uses: bfloat16 where the processor computes with it, else float32."""

import torch


def has_bfloat16() -> bool:
    """Whether bfloat16 is fast here; where it is emulated a step takes ten times as long."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
