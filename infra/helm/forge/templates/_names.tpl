{{/* Labels of everything that is no pod. */}}
{{- define "forge.labels" -}}
app.kubernetes.io/name: forge-sandbox
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* By these the pods of the controller are found. They never change. */}}
{{- define "forge.controller" -}}
app.kubernetes.io/name: forge-sandbox
app.kubernetes.io/component: controller
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* In CEL: whether an image is of a known registry. Without one, none is. */}}
{{- define "forge.ofRegistry" -}}
{{- if .Values.sandbox.registries -}}
{{- range $n, $registry := .Values.sandbox.registries }}{{ if $n }} || {{ end }}c.image.startsWith("{{ $registry }}/"){{ end -}}
{{- else -}}
false
{{- end -}}
{{- end }}

{{/* The settings as the controller reads them: what is null stays null. */}}
{{- define "forge.settings" -}}
{{- $settings := deepCopy .Values.sandbox -}}
{{- $_ := set $settings "controllerNamespace" .Release.Namespace -}}
{{- $_ := set $settings.isolation "runtimeClass" .Values.sandbox.isolation.runtimeClass -}}
{{- toPrettyJson $settings -}}
{{- end }}
