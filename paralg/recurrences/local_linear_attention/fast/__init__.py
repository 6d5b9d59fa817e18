"""Compiled and batched forms, each equal to the plain one."""
