{{/* Whether the two workloads, their schedule and their names fit together. */}}
{{- define "keyturn.check.workload" -}}
{{- $given := . -}}
{{- $values := .root.Values -}}
{{- $config := $values.config | default dict -}}
{{- $name := include "keyturn.fullname" .root -}}
{{- if gt (len $name) 43 -}}
{{- template "keyturn.problem" (list . (printf "The name %s has %d characters, and 43 are the most (Kubernetes allows a CronJob 52, and ours ends in -run-once): install under a shorter name, or set fullnameOverride." $name (len $name))) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name) -}}
{{- template "keyturn.problem" (list . (printf "The name %s is not one that Kubernetes takes for a Service: lower-case letters, digits and -, beginning with a letter; set fullnameOverride." $name)) -}}
{{- end -}}
{{- if regexMatch "TZ=" $values.schedule.scan -}}
{{- template "keyturn.problem" (list . "schedule.scan must not contain a time zone, Kubernetes refuses it there: write it as schedule.timeZone.") -}}
{{- else if ne (len (regexSplit "\\s+" (trim $values.schedule.scan) -1)) 5 -}}
{{- template "keyturn.problem" (list . (printf "schedule.scan is %q; write a cron expression of five fields, such as \"0 9 * * 1-5\"." $values.schedule.scan)) -}}
{{- end -}}
{{- if or (eq $values.schedule.timeZone "") (eq $values.schedule.timeZone "Local") -}}
{{- template "keyturn.problem" (list . "schedule.timeZone must be an IANA time zone such as Etc/UTC or Europe/Berlin: without it the zone would be that of the control plane.") -}}
{{- end -}}
{{- with $config.schedule -}}
{{- if .mode -}}
{{- template "keyturn.problem" (list $given (printf "Two schedulers: config.schedule.mode is %s and the chart's schedule.mode is %s. Remove config.schedule; the chart writes it from `schedule`." .mode $values.schedule.mode)) -}}
{{- else -}}
{{- template "keyturn.problem" (list $given "config.schedule is written by the chart, so that the CronJob and the configuration say the same: move it to `schedule.scan` and `schedule.timeZone`.") -}}
{{- end -}}
{{- end -}}
{{- if eq $values.workload "jobOnly" -}}
{{- template "keyturn.check.jobOnly" . -}}
{{- else if $values.cronJob.wait -}}
{{- template "keyturn.problem" (list . "cronJob.wait is only for `workload: jobOnly`: here the Deployment hears the clicks. Remove it.") -}}
{{- end -}}
{{- if and (eq $values.schedule.mode "embedded") (eq $values.workload "full") $values.schedule.suspend -}}
{{- template "keyturn.problem" (list . "schedule.suspend stops a CronJob, and with `schedule.mode: embedded` there is none: remove it, or set schedule.mode to cronjob.") -}}
{{- end -}}
{{- if and (eq $values.schedule.mode "embedded") (eq $values.workload "full") (eq (int $values.replicaCount) 0) -}}
{{- template "keyturn.problem" (list . "replicaCount is 0 and schedule.mode is embedded, so nobody would ever scan: set replicaCount to 1 or more, or schedule.mode to cronjob.") -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.check.jobOnly" -}}
{{- $given := . -}}
{{- $values := .root.Values -}}
{{- $config := $values.config | default dict -}}
{{- if eq $values.schedule.mode "embedded" -}}
{{- template "keyturn.problem" (list . "workload is jobOnly and schedule.mode is embedded, but without a Deployment nothing runs in which a schedule could be embedded: set schedule.mode to cronjob.") -}}
{{- end -}}
{{- if $values.ingress.enabled -}}
{{- template "keyturn.problem" (list . "workload is jobOnly and ingress.enabled is true, but there is no server that an ingress could lead to: disable the ingress, or set workload to full.") -}}
{{- end -}}
{{- if gt (int $values.replicaCount) 1 -}}
{{- template "keyturn.problem" (list . (printf "workload is jobOnly and replicaCount is %d, but there is no Deployment: remove replicaCount, or set workload to full." (int $values.replicaCount))) -}}
{{- end -}}
{{- if $values.extraContainers -}}
{{- template "keyturn.problem" (list . "workload is jobOnly and extraContainers are given, but a container that never ends keeps a Job open for ever: use initContainers with `restartPolicy: Always`.") -}}
{{- end -}}
{{- range $name := list "serviceMonitor" "podMonitor" "prometheusRule" "dashboard" "service" -}}
{{- if (get $values.metrics $name).enabled -}}
{{- template "keyturn.problem" (list $given (printf "workload is jobOnly and metrics.%s.enabled is true, but a pod that ends after seconds cannot be scraped: disable it, and alert on kube_cronjob_status_last_successful_time of kube-state-metrics." $name)) -}}
{{- end -}}
{{- end -}}
{{- range $name := list "signIn" "api" -}}
{{- if get $config $name -}}
{{- template "keyturn.problem" (list $given (printf "workload is jobOnly and config.%s is set, but there is no server to answer: remove it, or set workload to full." $name)) -}}
{{- end -}}
{{- end -}}
{{- with $config.slack -}}
{{- if and .signingSecret (not .appToken) -}}
{{- template "keyturn.problem" (list $given "workload is jobOnly and config.slack has a signingSecret, but nothing listens for Slack's requests: give config.slack.appToken (Socket Mode) instead.") -}}
{{- end -}}
{{- end -}}
{{- if and $values.cronJob.wait (not (($config.slack).appToken)) (not $values.existingConfigMap.name) -}}
{{- template "keyturn.problem" (list . (printf "cronJob.wait is %s, but there is no config.slack.appToken, so nobody could be heard while waiting: add Slack with Socket Mode, or remove cronJob.wait." $values.cronJob.wait)) -}}
{{- end -}}
{{- end -}}
