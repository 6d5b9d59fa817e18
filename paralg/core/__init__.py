"""What every chapter stands on: costs, primitives, engines, schedules, timing, claims."""
