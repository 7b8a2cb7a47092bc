# Each target is a line over `cargo xtask`; the work is in crates/xtask.
export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: setup run test test-engines test-forms test-package bench dist kernels bindings bootstrap

setup run test test-engines test-forms test-package bench dist kernels bindings: bootstrap
	@cargo xtask $@

bootstrap:
	@crates/xtask/bootstrap.sh
