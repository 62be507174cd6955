{{/* Labels of everything that is no pod. */}}
{{- define "forge.labels" -}}
app.kubernetes.io/name: forge-sandbox
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* By these Forge's own pods are found. They never change. */}}
{{- define "forge.pods" -}}
app.kubernetes.io/name: forge-sandbox
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* And those of one of its workers: the controller, or what makes tenants. */}}
{{- define "forge.worker" -}}
{{ include "forge.pods" .root }}
app.kubernetes.io/component: {{ .role }}
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
