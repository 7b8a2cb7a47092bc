// bf16 needs nothing of CUDA here.
