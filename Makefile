# Each target is a line over `cargo xtask`; the work is in crates/xtask.
.PHONY: test
test:
	cargo test --workspace --exclude whaledeck
