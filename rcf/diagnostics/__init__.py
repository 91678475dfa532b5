"""Order-preservation and Lipschitz diagnostics: pure functions and counters, fed by the evaluation pass."""
