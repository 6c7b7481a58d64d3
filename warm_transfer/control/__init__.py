"""Who watches the calls and commands them."""
