"""MARBLER's scenarios (Torbati et al. 2023), batched: robots of the Robotarium in torch.

barrier      the nearest command under which no two robots come too close
robotarium   how commands become motion, and what counts as a violation
arena        goals, places to begin at, who is seen first
"""
