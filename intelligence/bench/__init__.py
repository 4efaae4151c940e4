"""How fast the product is, as ratios taken in one run. Every figure is printed with both raw
numbers; absolute times say more about the machine than about us."""
