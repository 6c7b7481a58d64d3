"""What happens to a call between Agent A and Agent B."""
