"""Tests of the world, its clock and its moves."""
