"""What Prometheus and Grafana are given: alert rules, their tests, and dashboards."""
